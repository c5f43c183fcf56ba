import { z } from "../../core/schema.ts";
import { checkListSchema, doctorLineSchema, doctorReportSchema } from "../../doctor/schema.ts";

/** The JSON Schema of the document of -o json. */
export function reportSchema(): object {
  return z.toJSONSchema(doctorReportSchema);
}

/** The JSON Schema of one line of -o ndjson. */
export function lineSchema(): object {
  return z.toJSONSchema(doctorLineSchema);
}

/** The JSON Schema of the document of --list -o json. */
export function listSchema(): object {
  return z.toJSONSchema(checkListSchema);
}

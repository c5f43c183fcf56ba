import { canaryReportSchema, stepListSchema } from "../../canary/schema.ts";
import { z } from "../../core/schema.ts";

/** The JSON Schema of the document of -o json. */
export function canarySchema(): object {
  return z.toJSONSchema(canaryReportSchema);
}

/** The JSON Schema of the document of --list -o json. */
export function stepsSchema(): object {
  return z.toJSONSchema(stepListSchema);
}

// Writes what is generated in docs/: checks.md, what --explain says of each check, and the JSON Schemas of a
// roster, and of doctor's, the canary's and status' output. scripts/docs calls it: `bun scripts/docs.ts [--check]`; with --check it writes nothing, names each file that is
// out of date, and exits 1 if there is one.
import { join } from "node:path";
import { canarySchema, stepsSchema } from "../src/cli/report/canary-schema.ts";
import { lineSchema, listSchema, reportSchema } from "../src/cli/report/doctor-schema.ts";
import { jsonSchemaOfStatus } from "../src/cli/report/status-schema.ts";
import { checks } from "../src/doctor/registry.ts";
import { areaOf } from "../src/doctor/select.ts";
import { jsonSchemaOfRoster } from "../src/fleet/roster.ts";

const folder = join(import.meta.dir, "../docs");

function checksDocument(): string {
  const areas = [...new Set(checks.map(areaOf))];
  const sections = areas.map((area) => {
    const each = checks.filter((check) => areaOf(check) === area).map(checkSection);
    return [`## ${area}`, ...each].join("\n\n");
  });
  return [
    "# The checks of `mosaic-fleet doctor`",
    "<!-- Made by scripts/docs out of src/doctor/checks: change the texts there. -->",
    "What each one looks at, why that matters to a fleet, and how what it finds is mended by hand. " +
      "`mosaic-fleet doctor --explain ID` says the same. Those marked with *pre* are in the set of `--pre`, for a machine " +
      "where nothing is installed yet.",
    ...sections,
    "",
  ].join("\n\n");
}

function checkSection({ id, title, explain, pre, requires = [] }: (typeof checks)[number]): string {
  const notes = [
    ...(pre ? ["*pre*"] : []),
    ...(requires.length > 0 ? [`after ${requires.map((each) => `\`${each}\``).join(", ")}`] : []),
  ];
  return [
    `### \`${id}\``,
    `Healthy: ${title}.${notes.length > 0 ? ` (${notes.join("; ")})` : ""}`,
    explain.checks,
    `**Why it matters.** ${explain.why}`,
    `**How to mend it.** ${explain.mend}`,
  ].join("\n\n");
}

const made: Readonly<Record<string, string>> = {
  "checks.md": checksDocument(),
  "canary.schema.json": `${JSON.stringify(canarySchema(), null, 2)}\n`,
  "canary-list.schema.json": `${JSON.stringify(stepsSchema(), null, 2)}\n`,
  "doctor.schema.json": `${JSON.stringify(reportSchema(), null, 2)}\n`,
  "doctor-list.schema.json": `${JSON.stringify(listSchema(), null, 2)}\n`,
  "doctor-lines.schema.json": `${JSON.stringify(lineSchema(), null, 2)}\n`,
  "roster.schema.json": `${JSON.stringify(jsonSchemaOfRoster(), null, 2)}\n`,
  "status.schema.json": `${JSON.stringify(jsonSchemaOfStatus("json"), null, 2)}\n`,
  "status-lines.schema.json": `${JSON.stringify(jsonSchemaOfStatus("ndjson"), null, 2)}\n`,
};

const check = process.argv.includes("--check");
for (const [name, text] of Object.entries(made)) {
  const file = Bun.file(join(folder, name));
  if ((await file.exists()) && (await file.text()) === text) continue;
  if (check) {
    console.error(`docs/${name} is out of date: run scripts/docs`);
    process.exitCode = 1;
  } else {
    await Bun.write(file, text);
    console.log(`docs/${name}`);
  }
}

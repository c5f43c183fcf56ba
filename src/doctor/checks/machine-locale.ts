import { join } from "node:path";
import { setCommand } from "../../fleet/setting-commands.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";
import type { Tools } from "../tools.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const LOCALES = "/usr/lib/locale";
/** Bytes; a larger one takes too long to look through. */
const LARGEST_ARCHIVE = 16_000_000;
/** What start-tmux-holder.sh gives to the server, and so to panes whose unit does not say. */
const SERVER: Environment = { LANG: "C.UTF-8" };

/** The variable that decides on characters, as setlocale(3) takes them. */
function deciding(environment: Environment): { readonly variable: string; readonly locale: string } {
  for (const variable of ["LC_ALL", "LC_CTYPE", "LANG"]) {
    const locale = environment[variable];
    if (locale) return { variable, locale };
  }
  return { variable: "LANG", locale: "" };
}

/** As the C library files them: en_US.UTF-8 is en_US.utf8. */
function filed(locale: string): string {
  const [, name = "", charset = "", modifier = ""] = /^([^.@]*)(?:\.([^@]*))?(@.*)?$/.exec(locale) ?? [];
  return `${name}${charset === "" ? "" : `.${charset.toLowerCase().replace(/[^a-z0-9]/g, "")}`}${modifier}`;
}

/** undefined where it is not cheap to tell. */
async function exists({ host: { files } }: Tools, locale: string): Promise<boolean | undefined> {
  const name = filed(locale);
  if (name === "C.utf8") return true;
  const here = (await files.list(LOCALES)).map(filed);
  if (here.includes(name)) return true;
  if (here.length === 0) return undefined; // a system that keeps them elsewhere, or has none
  const archive = join(LOCALES, "locale-archive");
  const status = await files.status(archive);
  if (status === undefined) return false;
  if (status.kind !== "file" || status.size > LARGEST_ARCHIVE) return undefined;
  return new TextDecoder("latin1").decode(await files.readBytes(archive)).includes(`\0${name}\0`);
}

/** `file`: the command that sets a variable in the file that has it; of this shell there is none. */
async function judge(
  tools: Tools,
  subject: string,
  environment: Environment,
  file?: (key: string, value: string) => Promise<string>,
): Promise<SubjectResult> {
  const { variable, locale } = deciding(environment);
  const evidence = { variable, locale: locale || "unset" };
  const fix = {
    commands: [file === undefined ? `export ${variable}=C.UTF-8` : await file(variable, "C.UTF-8")],
  };
  const effect =
    file === undefined
      ? "what is typed and read here comes out as _ or ?"
      : "agents write ? or _ for every letter that is not English";
  if (!filed(locale).split("@")[0]?.endsWith(".utf8"))
    return {
      subject,
      status: "warn",
      message: `${locale === "" ? "no locale is set" : `${variable}=${locale} is not UTF-8`}: ${effect}`,
      evidence,
      fix,
    };
  if ((await exists(tools, locale)) === false)
    return {
      subject,
      status: "warn",
      message: `${variable}=${locale}, but this machine does not have that locale, so that it counts as C: ${effect}`,
      evidence,
      fix,
    };
  return { subject, status: "pass", message: locale, evidence };
}

export const machineLocale: Check = {
  id: "machine.locale",
  title: "this shell and the panes speak UTF-8",
  pre: true,
  explain: {
    checks:
      "LC_ALL, LC_CTYPE and LANG (the first that is set counts) of this shell and of what panes get: the user manager's environment, fleet.env, and the files of agents that set one themselves. A locale other than C.UTF-8 must be on the machine (/usr/lib/locale), where that is cheap to tell.",
    why: "Without UTF-8, tmux and the agents' programs write ? or _ for every letter that is not English, and what parses such output reads nonsense.",
    mend: "Set LANG=C.UTF-8, which every machine has: in the shell's profile, and for panes in fleet.env. Unset LC_ALL where it says something else.",
  },
  async run(tools) {
    const { host, paths } = tools;
    const settings = await tools.settings();
    const managed = "manager" in (await tools.userManager());
    const common: Environment = {
      ...SERVER,
      ...(managed ? { ...(await tools.managerState()).environment, ...(await tools.unitEnvironment("doctor")) } : {}),
      ...settings?.variables,
    };
    const different = (await tools.agents()).flatMap(({ name, environment, file }) => {
      const own = { ...SERVER, ...environment };
      return deciding(own).locale === deciding(common).locale ? [] : [{ name, own, file }];
    });
    const subjects = [
      await judge(tools, "this shell", host.env),
      ...(managed || settings !== undefined
        ? [
            await judge(tools, "panes", common, (...setting) =>
              setCommand(host, join(paths.site, "fleet.env"), settings, ...setting),
            ),
          ]
        : []),
      ...(await Promise.all(
        different.map(({ name, own, file }) =>
          judge(tools, name, own, (...setting) =>
            setCommand(host, join(paths.agents, `${name}.env`), file, ...setting),
          ),
        ),
      )),
    ];
    return ofSubjects(subjects, {
      many: "environments",
      healthy: subjects[0]?.message ?? "",
      failing: "have no UTF-8 locale",
    });
  },
};

import { dirname, join } from "node:path";
import { tilde } from "../../core/paths.ts";
import { shellPath } from "../../core/shell.ts";
import type { Check } from "../check.ts";
import type { Tools } from "../tools.ts";

const NAME = "mosaic-fleet";

export const layoutBinary: Check = {
  id: "layout.binary",
  title: "mosaic-fleet is on PATH, and is the one that runs now",
  explain: {
    checks:
      "The first program named mosaic-fleet on the PATH of this shell, against the program that is running. Links are followed.",
    why: "Every remedy is a command that starts with mosaic-fleet. When another one comes first on PATH, it is of another version as like as not: it would install other files than those that were looked at here. One that comes later, and has another size, is hidden: a package that is brought up to date changes nothing then.",
    mend: "Put the binary into a folder of your PATH, such as ~/.local/bin, and remove copies that you no longer want. type -a mosaic-fleet shows all of them.",
  },
  async run(tools) {
    const { host } = tools;
    const found: string[] = [];
    for (const folder of (host.env.PATH ?? "").split(":")) {
      const path = folder.startsWith("/") ? join(folder, NAME) : undefined;
      if (path !== undefined && !found.includes(path) && (await isProgram(tools, path))) found.push(path);
    }
    const running = await host.files.realPath(host.executable);
    if (running === undefined) throw new Error(`the program that runs, ${host.executable}, is not there any more`);
    const real = await Promise.all(found.map((path) => host.files.realPath(path)));
    const at = real.indexOf(running);
    const home = host.user.home;
    const [first] = found;
    const hidden = at === 0 ? await otherThan(tools, running, real) : undefined;
    if (at === 0 && first !== undefined && hidden === undefined) return { status: "pass", detail: tilde(first, home) };
    const evidence = { running: tilde(running, home), "on PATH": found.map((path) => tilde(path, home)) };
    if (first !== undefined && hidden !== undefined)
      return {
        status: "warn",
        message: `${tilde(first, home)} comes before ${tilde(hidden, home)} on PATH, which is another mosaic-fleet: a newer one that is put there never runs`,
        evidence,
        fix: {
          commands: [
            `${shellPath(hidden, home)} --version   # if that is the one to have: rm ${shellPath(first, home)}`,
          ],
        },
      };
    if (first !== undefined && at > 0) {
      const mine = found[at] ?? running;
      return {
        status: "warn",
        message: `${tilde(first, home)} comes before ${tilde(mine, home)} on PATH: what you type runs another mosaic-fleet than this one`,
        evidence,
        fix: {
          commands: [`export PATH=${shellPath(dirname(mine), home)}:"$PATH"   # or remove ${shellPath(first, home)}`],
        },
      };
    }
    return {
      status: "warn",
      message:
        first === undefined
          ? `mosaic-fleet is not on PATH: this one runs from ${tilde(running, home)}`
          : `${tilde(first, home)} is on PATH, and is another than the one that runs now (${tilde(running, home)})`,
      evidence,
      fix: { commands: await intoPath(tools, running, first) },
    };
  },
};

/** The first of these programs that has not the bytes of the one that runs: such as a package's, behind a copy of one's own. */
async function otherThan({ host }: Tools, running: string, programs: readonly (string | undefined)[]) {
  const size = (await host.files.status(running))?.size;
  for (const path of programs)
    if (path !== undefined && path !== running && (await host.files.status(path))?.size !== size) return path;
  return undefined;
}

async function isProgram({ host }: Tools, path: string): Promise<boolean> {
  const real = await host.files.realPath(path);
  if (real === undefined || (await host.files.status(real))?.kind !== "file") return false;
  return host.files.allows(real, "execute");
}

/** Copies it to where the other one is, else to ~/.local/bin. */
async function intoPath({ host }: Tools, running: string, first: string | undefined): Promise<string[]> {
  const home = host.user.home;
  const bin = join(home, ".local/bin");
  const mine = first !== undefined && (await host.files.allows(dirname(first), "write"));
  const target = mine ? first : join(bin, NAME);
  const copy = `install -D -m 755 ${shellPath(running, home)} ${shellPath(target, home)}`;
  const seen = `export PATH=~/.local/bin:"$PATH"   # in ~/.profile too`;
  if (first === undefined && (await host.files.realPath(target)) === running) return [seen]; // it is there, and only not found
  const onPath = mine || ((host.env.PATH ?? "").split(":").includes(bin) && first === undefined);
  return onPath ? [copy] : [copy, seen];
}

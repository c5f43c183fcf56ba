import { mkdirSync, readFileSync, realpathSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bun, run, tree } from "./build.ts";
import { copyOfTree } from "./release.ts";

/** The version that the release before this one is given. */
export const BEFORE = "0.0.9";
/** What that is made of: the last tree before a unit had one command for its end. */
const COMMIT = "76f9d3c4e9d65d7a2cbaf0187e9091b191fea17c";

/** Makes a release of this tree for machines of this one's kind, in a folder that is not there. */
export function releaseNow(folder: string): void {
  make(tree, folder);
}

/**
 * Makes the release before this one: of an earlier commit's tree, by its own scripts. Where this clone's history does not
 * reach back that far it is this tree with an older comment in the agents' unit, and that is said on stderr.
 */
export function releaseBefore(folder: string): void {
  const older = `${folder}.tree`;
  if (!checkOut(older)) {
    console.error(`machines: this clone's history does not reach back to ${COMMIT}: the release before is a stand-in`);
    copyOfTree(older);
    change(join(older, "assets/mosaic-agent@.service"), /^# One agent:/, "# One agent, as it was:");
  }
  change(join(older, "package.json"), /"version": "[^"]+"/, `"version": "${BEFORE}"`);
  make(older, folder);
}

/** The package of the release before, which made none: that of this one, with its binary and its version in it. */
export function packageBefore(now: string, before: string): void {
  const script = `set -e
dpkg-deb --raw-extract "$1"/mosaic-fleet_*.deb "$2.package"
cp "$2"/mosaic-fleet-${BEFORE}-linux-${process.arch} "$2.package/usr/bin/mosaic-fleet"
sed -i 's/^Version: .*/Version: ${BEFORE}/' "$2.package/DEBIAN/control"
dpkg-deb --root-owner-group -Znone --build "$2.package" "$2/mosaic-fleet_${BEFORE}_before.deb"
rm -r "$2.package"`;
  const made = run(["sh", "-c", script, "package", now, before]);
  if (made.code !== 0) throw new Error(made.stderr);
}

function checkOut(place: string): boolean {
  if (run(["git", "cat-file", "-e", `${COMMIT}^{commit}`]).code !== 0) return false;
  mkdirSync(place, { recursive: true });
  const done = run(["sh", "-c", `git archive --output=${place}.tar ${COMMIT} && tar -x -f ${place}.tar -C ${place}`]);
  if (done.code !== 0) throw new Error(done.stderr);
  symlinkSync(realpathSync(join(tree, "node_modules")), join(place, "node_modules"));
  return true;
}

/** Not by scripts/release, whose set-up would take another tree's packages for out of date. */
function make(root: string, folder: string): void {
  const argv = [bun, "scripts/release.ts", "--xz", "none", "--out", folder, `linux-${process.arch}`];
  const env = { ...process.env, DEBFULLNAME: "Ada", DEBEMAIL: "ada@example.net", SOURCE_DATE_EPOCH: "1700000000" };
  const made = run(argv, { cwd: root, env });
  if (made.code !== 0) throw new Error(`${made.stdout}${made.stderr}`);
}

function change(file: string, from: RegExp, to: string): void {
  const text = readFileSync(file, "utf8");
  const changed = text.replace(from, to);
  if (changed === text) throw new Error(`${file} has no ${from}`);
  writeFileSync(file, changed);
}

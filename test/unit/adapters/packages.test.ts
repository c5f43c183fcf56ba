import { expect, test } from "bun:test";
import { alike, reinstallLines } from "../../../src/adapters/packages.ts";
import { fakeHost } from "../../support/fake-host.ts";

const LOADER = "tmux: error while loading shared libraries: libevent_core-2.1.so.7: cannot open shared object file";
const on = (release: string) => {
  const host = fakeHost();
  return { files: { ...host.files, read: async () => release } };
};

for (const [release, said, lines] of [
  ["ID=debian\n", "killed by SIGILL", ["apt-get install --reinstall tmux"]],
  [
    "ID=ubuntu\nID_LIKE=debian\n",
    LOADER,
    ["apt-get install --reinstall tmux $(dpkg -S libevent_core-2.1.so.7 | cut -d: -f1 | uniq)"],
  ],
  ["ID=fedora\n", LOADER, ["dnf reinstall tmux"]],
  ["ID=void\n", LOADER, []],
] as const)
  test(`a package whose program does not start is installed again on ${release.trim()}, "${said.slice(0, 20)}"`, async () => {
    expect(await reinstallLines(on(release), alike("tmux"), said)).toEqual([...lines]);
  });

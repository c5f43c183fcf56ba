import { dirname } from "node:path";
import type { Host } from "../../core/host.ts";
import { HOLDER_UNIT } from "../../core/names.ts";
import { expect, type Fleet, type Step } from "../step.ts";
import { start, unitOf } from "./support.ts";

/** The server that answers on the socket is the holder's main process, in the holder's cgroup. Returns its pid. */
export async function proveHolder(fleet: Fleet): Promise<{ pid: number; socketPath: string }> {
  const [unit, server] = await Promise.all([unitOf(fleet, HOLDER_UNIT), fleet.tmux.server()]);
  expect(unit.active === "active", `${HOLDER_UNIT} is ${unit.active}, not active`, { result: unit.result });
  expect(server !== undefined, "the holder is active, but no tmux server answers on its socket");
  expect(server.pid === unit.mainPid, "the tmux server that answers is not the holder's main process", {
    "pid of the server": server.pid,
    "main process of the unit": unit.mainPid,
  });
  const cgroup = await fleet.procfs.cgroup(server.pid);
  expect(cgroup === unit.controlGroup, "the tmux server does not live in the holder's cgroup", {
    "cgroup of the server": cgroup ?? "none",
    "cgroup of the unit": unit.controlGroup,
  });
  return server;
}

/** Nobody but its user gets to the socket. Returns its mode. */
export async function provePrivate({ files, user }: Pick<Host, "files" | "user">, socketPath: string): Promise<string> {
  const [socket, folder] = await Promise.all([files.status(socketPath), files.status(dirname(socketPath))]);
  expect(socket?.kind === "socket", `${socketPath} is not a socket`);
  expect(socket.uid === user.uid && folder?.uid === user.uid, "the socket or its folder belongs to another user", {
    "owner of the socket": socket.uid,
    "owner of the folder": folder?.uid ?? "none",
  });
  // tmux itself gives the group the socket, and nobody the folder that it is in.
  const byGroup = (folder.mode & 0o010) !== 0 && (socket.mode & 0o020) !== 0;
  expect((folder.mode & 0o007) === 0 && (socket.mode & 0o007) === 0 && !byGroup, "other users can reach the socket", {
    "mode of the socket": socket.mode.toString(8),
    "mode of the folder": folder.mode.toString(8),
  });
  return socket.mode.toString(8);
}

export const holder: Step = {
  id: "holder",
  title: "the tmux server is the holder's main process, in its cgroup, on a socket only its user can use",
  limitMs: 30_000,
  requires: ["layout"],
  async run(fleet) {
    await start(fleet, HOLDER_UNIT);
    const { pid, socketPath } = await proveHolder(fleet);
    const mode = await provePrivate(fleet.host, socketPath);
    return { server: pid, socket: socketPath, mode };
  },
};

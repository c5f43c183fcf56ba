import { dirname, join } from "node:path";
import { tilde } from "../../core/paths.ts";
import { shellPath } from "../../core/shell.ts";
import { type Check, ofSubjects, type SubjectResult } from "../check.ts";

const NEW = ".mosaic-new";

export const layoutPending: Check = {
  id: "layout.pending",
  title: "no new version of a file waits beside one that was edited",
  explain: {
    checks: "Files whose names end in .mosaic-new, beside the files of the layout.",
    why: "Such a file is what a version would have written had you not edited the file beside it. Until you take it, the edited one is used, without what that version has mended in it.",
    mend: "Compare the two with diff. To take the new one, mv it over the other and run systemctl --user daemon-reload; to keep yours, rm it.",
  },
  async run(tools) {
    const { host } = tools;
    const plan = await tools.plan();
    const files = plan.steps.flatMap(({ action }) => (action.kind === "write-file" ? [action.path] : []));
    const folders = [...new Set(files.map(dirname))];
    const listed = await Promise.all(
      folders.map(async (folder) => (await host.files.list(folder)).map((name) => join(folder, name))),
    );
    const waiting = listed.flat().filter((path) => path.endsWith(NEW));
    const subjects = waiting.map((path): SubjectResult => {
      const beside = path.slice(0, -NEW.length);
      const [fresh, mine] = [path, beside].map((each) => shellPath(each, host.user.home));
      return {
        subject: tilde(beside, host.user.home),
        status: "warn",
        message: "a newer version of it waits beside it, and is not used",
        fix: {
          commands: [`diff ${mine} ${fresh}`, `mv ${fresh} ${mine}   # takes the new one; to keep yours: rm ${fresh}`],
        },
      };
    });
    return subjects.length === 0
      ? { status: "pass" }
      : ofSubjects(subjects, { many: "files", healthy: "", failing: "newer versions wait beside them" });
  },
};

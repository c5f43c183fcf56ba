import { describeResult, type ExecResult } from "../core/exec.ts";

/** An outside command did not do what it is asked only where it must: whoever asked could not tell. */
export class ToolError extends Error {
  constructor(readonly result: ExecResult) {
    super(describeResult(result));
  }
}

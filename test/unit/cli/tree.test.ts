import { expect, test } from "bun:test";
import { helpOf } from "../../../src/cli/command.ts";
import { commands } from "../../../src/cli/commands.ts";
import { EXIT } from "../../../src/core/exit.ts";

for (const [key, { load }] of Object.entries(commands))
  test(`${key} says all about itself`, async () => {
    const { command } = await load();
    expect<string>(command.name).toBe(key);
    expect(command.summary).toEndWith(".");
    expect(command.examples.length).toBeGreaterThan(0);
    for (const [typed, does] of command.examples) {
      expect(`${typed} `).toContain(`mosaic-fleet ${key} `);
      expect(does).not.toBe("");
    }
    const codes = command.exits.map(([code]) => code);
    expect(codes).toContain(EXIT.ok);
    expect(codes).toContain(EXIT.usage);
    expect(codes.length).toBe(new Set(codes).size);
    for (const [name, arg] of Object.entries(command.args)) {
      expect(`${name}: ${arg.description ?? ""}`).not.toBe(`${name}: `);
      // An agent's name is completed, or said to be one that nobody can know yet: [].
      if (arg.type === "positional" && ["name", "agent"].includes(name))
        expect(command.completes?.[name]).toBeDefined();
    }
    // What is typed may need more.
    const typed = command.examples.map(([words]) => `  ${words}`);
    const wide = helpOf(command)
      .split("\n")
      .filter((line) => line.length > 80 && !typed.includes(line));
    expect(wide).toEqual([]);
  });

test("the help of agent keeps to 80 columns", () => {
  const agents = Object.entries(commands).filter(([key]) => key.startsWith("agent "));
  const widest = Math.max(...agents.map(([key]) => key.length));
  for (const [, { summary }] of agents) expect(2 + widest + 2 + summary.length).toBeLessThanOrEqual(80);
});

import { expect, test } from "bun:test";
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
  });

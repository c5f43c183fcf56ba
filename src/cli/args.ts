/** What a command may be told, as data. */
export interface ArgDef {
  /** boolean: an option without a value; string, enum: one with a value; positional: no option. */
  readonly type: "boolean" | "string" | "enum" | "positional";
  readonly description?: string;
  /** Other spellings of an option: a letter, or a word. */
  readonly alias?: string | readonly string[];
  /** What an option's value is called. */
  readonly valueHint?: string;
  /** What it is where it is not given. */
  readonly default?: string;
  /** A positional is, unless this is false. */
  readonly required?: boolean;
  /** What an enum can be. */
  readonly options?: readonly string[];
}

export type ArgsDef = Readonly<Record<string, ArgDef>>;

/** What was typed, by name. */
export type ParsedArgs<A extends ArgsDef = ArgsDef> = { readonly [name in keyof A]: Value<A[name]> };

type Value<D extends ArgDef> = D extends { readonly type: "boolean" }
  ? boolean | undefined
  : D extends { readonly default: string } | { readonly type: "positional"; readonly required: true }
    ? Text<D>
    : Text<D> | undefined;

type Text<D extends ArgDef> = D extends { readonly type: "enum"; readonly options: readonly (infer Option)[] }
  ? Option
  : string;

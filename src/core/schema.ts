import { z } from "zod";

// A schema is used once or twice in a run: to write code for it, as zod would, takes longer than that saves.
z.config({ jitless: true });

export { z };

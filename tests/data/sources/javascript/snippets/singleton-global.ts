//: pool 10
import { Pool } from "pg";
export const pool = globalThis.margaPool ?? new Pool({ connectionString, max: 10 });
if (process.env.NODE_ENV !== "production") { globalThis.margaPool = pool; }

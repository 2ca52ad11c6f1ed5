//: pool ? max depends on the environment variable NODE_ENV (10 or 3)
//: same 4
import pg from "pg";
const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: process.env.NODE_ENV === "production" ? 10 : 3,
});
const same = new pg.Pool({ max: isProduction ? 4 : 4 });

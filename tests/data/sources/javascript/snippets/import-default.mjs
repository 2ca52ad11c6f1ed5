//: pool 20
import pg from "pg";
const pool = new pg.Pool({ max: 20, idleTimeoutMillis: 30000 });

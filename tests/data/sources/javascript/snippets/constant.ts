//: pool 10
import { Pool } from 'pg';
const PER_CORE = 2, CORES = 4;
const EXTRA = 0x2;
const limits = Object.freeze({ db: { max: PER_CORE * CORES + EXTRA } } as const);
const pool = new Pool({ max: Math.min(limits.db.max, 1_000) });

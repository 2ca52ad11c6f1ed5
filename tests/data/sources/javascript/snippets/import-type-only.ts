import type { Pool } from 'pg';
import { type Pool as P } from 'pg';
const a = new Pool({ max: 5 });
const b = new P();

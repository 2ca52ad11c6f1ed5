//: db 30
import { knex, type Knex } from 'knex';
const config: Knex.Config = { client: 'pg', pool: { min: 0, max: 30 } };
export const db = knex(config);

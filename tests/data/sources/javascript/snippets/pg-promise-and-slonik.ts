//: db 30
//: pool 3
import pgPromise from 'pg-promise';
import { createPool } from 'slonik';
const pgp = pgPromise({});
const db = pgp({ host: 'h', max: 30 });
const pool = await createPool('postgres://', { maximumPoolSize: 3 });

//: pool 2
import pg = require('pg');
const pool: pg.Pool = new pg.Pool(<any>{ max: 2 });

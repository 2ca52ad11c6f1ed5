//: db 7
import * as pg from 'pg'
const db = new pg.Pool({ max: 7 } as pg.PoolConfig)

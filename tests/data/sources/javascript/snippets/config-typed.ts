//: pool 20
import { Pool, PoolConfig, QueryResultRow } from 'pg'
const dbConfig: PoolConfig = {
  host: process.env.DB_HOST || 'localhost',
  max: 20,
}
dbConfig.ssl = false
const pool = new Pool(dbConfig satisfies PoolConfig)

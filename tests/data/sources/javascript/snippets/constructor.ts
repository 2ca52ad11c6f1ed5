//: pool 11 in the constructor of Database
import { Pool } from 'pg';
class Database { pool; constructor() { this.pool = new Pool({ max: 11 }); } }

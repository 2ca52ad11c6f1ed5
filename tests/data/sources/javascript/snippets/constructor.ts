//: pool ? new Pool( runs in the constructor of Database, and nothing tells how often
import { Pool } from 'pg';
class Database { pool; constructor() { this.pool = new Pool({ max: 11 }); } }

//: pool ? max comes from MAX of another file
//: other ? max comes from config.db.max
import { Pool } from 'pg';
import { MAX, config } from './config';
const pool = new Pool({ max: MAX });
const other = new Pool({ max: config.db.max });

//: pool 5
import { Pool } from 'pg';
const pool = new Pool({ max: 5 });
export const Page = () => <div className="x">{'new Pool()'}</div>;

//: pool 5
import { Pool } from 'pg';
const pool = new Pool({ max: 5 });
export const Page = <T,>(p: { a: T }) => <div {...p}>text &amp; new Pool()</div>;

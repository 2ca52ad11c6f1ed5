//: AppDataSource 25
//: size 12
//: plain 10
//: both 3
import { DataSource } from 'typeorm';
export const AppDataSource = new DataSource({ type: 'postgres', url, extra: { max: 25 } });
const size = new DataSource({ type: 'postgres', poolSize: 12 });
const plain = new DataSource({ type: 'postgres', entities: [] });
const both = new DataSource({ type: 'postgres', poolSize: 12, extra: { max: 3 } });
const other = new DataSource({ type: 'mysql', poolSize: 12 });

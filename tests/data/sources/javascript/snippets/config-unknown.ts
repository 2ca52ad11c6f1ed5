//: a ? its max can't be told from new Pool(config)
//: b ? its max can't be told from new Pool({ ... })
//: c 6
//: d ? its max can't be told from new Pool(buildConfig(...))
import { Pool } from 'pg';
import { config } from './config';
const a = new Pool(config);
const b = new Pool({ ...config, ssl: true });
const c = new Pool({ ...config, max: 6 });
const d = new Pool(buildConfig('postgres://u:hunter2@h/d'));

import { Pool } from 'pg';

const MAX = 4 * 2;

export default new Pool({ max: MAX });

//: logstore ? new PgPool( runs in a field of a class, and nothing tells how often
import { Pool as PgPool, type PoolClient } from 'pg';
@Controller('v1/ucp')
export class UcpController {
  private readonly logstore = new PgPool({ connectionString: process.env.LOGSTORE_URL, max: 3 });
  constructor(@Inject(GAMEDB) private readonly db: GameDb) {}
}

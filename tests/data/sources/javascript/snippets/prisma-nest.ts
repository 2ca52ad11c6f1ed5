//: PrismaService driver
import { PrismaClient } from '@prisma/client';
@Injectable()
export class PrismaService extends PrismaClient implements OnModuleInit {
  constructor() { super({ log: ['info'] }); }
}

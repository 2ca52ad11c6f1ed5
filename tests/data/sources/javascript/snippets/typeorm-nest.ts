//: - 10
//: - 8
//: - ? its max can't be told from TypeOrmModule.forRootAsync({ ... })
import { TypeOrmModule } from '@nestjs/typeorm';
@Module({
  imports: [
    TypeOrmModule.forRoot({ type: 'postgres', host: 'localhost', autoLoadEntities: true }),
    TypeOrmModule.forRootAsync({ useFactory: (c: ConfigService) => ({ type: 'postgres', poolSize: 8 }) }),
    TypeOrmModule.forRootAsync({ useFactory: (c: ConfigService) => c.get('database') }),
    TypeOrmModule.forRoot({ type: 'mysql' }),
  ],
})
export class AppModule {}

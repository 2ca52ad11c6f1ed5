import psycopg, sqlalchemy
def test_a(server, database_url, connection, connect):
    print(server.major_version, database_url)
    assert connection.execute("select current_database()").fetchone()[0] in database_url
    assert connect().autocommit
    connection.execute("create role kc_reader login password 'test'")
    try:
        with psycopg.connect(server.url(database_url.split("/")[3].split("?")[0], user="kc_reader")) as c:
            assert c.execute("select current_user::text").fetchone() == ("kc_reader",)
    finally:
        connection.execute("drop role kc_reader")
    e = sqlalchemy.create_engine(database_url.replace("postgresql://", "postgresql+psycopg://"))
    with e.connect() as c: print(c.execute(sqlalchemy.text("select version()")).scalar())
    e.dispose()
def test_b(server, connection):
    assert connection.execute("select count(*) from pg_class where relnamespace = 'public'::regnamespace").fetchone()[0] == 0

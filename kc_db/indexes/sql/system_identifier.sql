-- Which cluster does this server belong to? A standby has its primary's identifier.
SELECT system_identifier AS identifier FROM pg_catalog.pg_control_system()

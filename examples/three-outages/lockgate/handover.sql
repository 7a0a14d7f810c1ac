-- what production's deployer may do with the owner's schema: use everything, own nothing
GRANT USAGE, CREATE ON SCHEMA paliad TO paliad_app;
GRANT ALL ON ALL TABLES IN SCHEMA paliad TO paliad_app;
GRANT ALL ON ALL SEQUENCES IN SCHEMA paliad TO paliad_app;

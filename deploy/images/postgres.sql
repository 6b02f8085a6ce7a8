-- The roles and databases that deploy/stack creates without Docker.
CREATE ROLE esteira LOGIN CREATEDB PASSWORD 'esteira';
CREATE ROLE temporal LOGIN PASSWORD 'temporal';
CREATE DATABASE esteira OWNER esteira;
CREATE DATABASE temporal OWNER temporal;
CREATE DATABASE temporal_visibility OWNER temporal;

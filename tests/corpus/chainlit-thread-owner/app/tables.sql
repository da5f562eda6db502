-- The tables that Chainlit's documentation asks for, for SQLite.
CREATE TABLE users ("id" TEXT PRIMARY KEY, "identifier" TEXT UNIQUE, "metadata" TEXT, "createdAt" TEXT);
CREATE TABLE threads (
  "id" TEXT PRIMARY KEY, "createdAt" TEXT, "name" TEXT, "userId" TEXT, "userIdentifier" TEXT, "tags" TEXT,
  "metadata" TEXT
);
CREATE TABLE steps (
  "id" TEXT PRIMARY KEY, "name" TEXT, "type" TEXT, "threadId" TEXT, "parentId" TEXT, "streaming" BOOLEAN,
  "waitForAnswer" BOOLEAN, "isError" BOOLEAN, "metadata" TEXT, "tags" TEXT, "input" TEXT, "output" TEXT,
  "createdAt" TEXT, "command" TEXT, "start" TEXT, "end" TEXT, "generation" TEXT, "showInput" TEXT,
  "language" TEXT, "indent" INT, "defaultOpen" BOOLEAN, "modes" TEXT, "autoCollapse" BOOLEAN, "icon" TEXT
);
CREATE TABLE elements (
  "id" TEXT PRIMARY KEY, "threadId" TEXT, "type" TEXT, "url" TEXT, "chainlitKey" TEXT, "name" TEXT,
  "display" TEXT, "objectKey" TEXT, "size" TEXT, "page" INT, "language" TEXT, "forId" TEXT, "mime" TEXT,
  "props" TEXT
);
CREATE TABLE feedbacks ("id" TEXT PRIMARY KEY, "forId" TEXT, "threadId" TEXT, "value" INT, "comment" TEXT);

-- Tasks and subtasks in one view, each once: a subtask that sits in a project is in both streams.
CREATE OR REPLACE VIEW all_tasks AS
SELECT * FROM tasks
UNION ALL BY NAME
SELECT * FROM subtasks WHERE gid NOT IN (SELECT gid FROM tasks);

{{ config(materialized='view') }}
{#- A subtask that is in a project comes in both streams. Once it has left the project, only `subtasks`
    gets its new versions: the newest version of both streams counts. -#}
{{ asana_airbyte.newest(['tasks', 'subtasks'], {
  'task_id': 'text',
  'name': 'text',
  'notes': 'text',
  'resource_subtype': 'text',
  'approval_status': 'text',
  'permalink_url': 'text',
  'completed': 'boolean',
  'liked': 'boolean',
  'num_likes': 'integer',
  'num_subtasks': 'integer',
  'actual_time_minutes': 'number',
  'due_on': 'date',
  'start_on': 'date',
  'completed_at': 'time',
  'created_at': 'time',
  'due_at': 'time',
  'start_at': 'time',
  'modified_at': 'time',
  'assignee': 'json',
  'completed_by': 'json',
  'created_by': 'json',
  'custom_fields': 'json',
  'dependencies': 'json',
  'followers': 'json',
  'memberships': 'json',
  'parent': 'json',
  'projects': 'json',
  'tags': 'json',
  'workspace': 'json'
}, key=['task_id'], renamed={'task_id': 'gid'}, custom=asana_airbyte.custom_columns(['tasks', 'subtasks'])) }}

{#- Incremental, as the records are large: lists and custom fields are kept as JSON. -#}
{{ config(
  materialized='incremental',
  incremental_strategy='append',
  on_schema_change='sync_all_columns',
  pre_hook="{{ asana_airbyte.delete_stale(ref('base_asana__task'), 'task_id', streams=['tasks', 'subtasks']) }}"
) }}
{% if asana_airbyte.keeps_rows(['tasks', 'subtasks']) -%}
select * from {{ this }}
{%- else -%}
select
  task_id,
  name,
  notes,
  resource_subtype,
  approval_status,
  permalink_url,
  completed,
  liked,
  num_likes,
  num_subtasks,
  actual_time_minutes,
  due_on,
  start_on,
  completed_at,
  created_at,
  due_at,
  start_at,
  modified_at,
  {{ asana_airbyte.json_text('assignee', 'gid') }} as assignee_id,
  {{ asana_airbyte.json_text('completed_by', 'gid') }} as completed_by_id,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  {{ asana_airbyte.json_text('parent', 'gid') }} as parent_task_id,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_id,
  custom_fields,
  dependencies,
  followers,
  memberships,
  projects,
  tags,
  {%- for name in asana_airbyte.custom_columns(['tasks', 'subtasks']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at,
  extracted_at
from (
  {#- A subtask that is in a project comes in both streams. Once it has left the project, only `subtasks` gets its new
      versions: the newest version of both streams counts. #}
  {{- asana_airbyte.newest(['tasks', 'subtasks'], {
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
}, key=['task_id'], renamed={'task_id': 'gid'}, custom=asana_airbyte.custom_columns(['tasks', 'subtasks']), missing_from=this if asana_airbyte.continues() else none) }}
) as newest
{%- endif %}

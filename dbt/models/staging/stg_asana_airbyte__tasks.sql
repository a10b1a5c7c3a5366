{{ config(materialized='table') }}
{#- A subtask that is in a project comes in both streams. Once it has left the project, only `subtasks`
    gets its new versions: the newest version of both streams counts. -#}
{%- set columns = {
  'gid': 'text',
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
} -%}
{%- set custom = asana_airbyte.custom_columns(['tasks', 'subtasks']) -%}
with top_level as (
  {{ asana_airbyte.staged('tasks', columns, custom=custom) | indent(2) }}
),

below as (
  {{ asana_airbyte.staged('subtasks', columns, custom=custom) | indent(2) }}
),

both_streams as (
  select top_level.*, 1 as stream_rank from top_level
  union all
  select below.*, 2 as stream_rank from below
),

ranked as (
  select
    both_streams.*,
    row_number() over (
      partition by gid
      order by synced_at desc nulls last, modified_at desc nulls last, stream_rank
    ) as task_rank
  from both_streams
)

select
  {%- for name in columns %}
  {{ name }},
  {%- endfor %}
  {%- for name in custom %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at
from ranked
where task_rank = 1

with numbers as (
  select
    memberships.project_id,
    {{- asana_airbyte.task_number_sums() }}
  from {{ ref('asana__task_membership') }} as memberships
  inner join {{ ref('asana__task') }} as tasks on tasks.task_id = memberships.task_id
  group by memberships.project_id
)

select
  projects.gid as project_id,
  name,
  notes,
  color,
  archived,
  completed,
  completed_at,
  {{ asana_airbyte.json_text('completed_by', 'gid') }} as completed_by_id,
  created_at,
  modified_at,
  start_on,
  coalesce(due_on, due_date) as due_on,
  {{ asana_airbyte.json_text('owner', 'gid') }} as owner_id,
  {{ asana_airbyte.json_text('team', 'gid') }} as team_id,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_id,
  {{ asana_airbyte.json_text('current_status_update', 'title') }} as current_status_title,
  {{ asana_airbyte.json_text('current_status', 'text') }} as current_status_text,
  {{ asana_airbyte.json_text('current_status', 'color') }} as current_status_color,
  default_view,
  privacy_setting,
  public,
  permalink_url,
  {{- asana_airbyte.task_number_columns() }}
  {%- for name in asana_airbyte.custom_columns(['projects']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at
from {{ ref('stg_asana__project') }} as projects
left join numbers on numbers.project_id = projects.gid

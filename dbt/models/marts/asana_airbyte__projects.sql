select
  gid as project_gid,
  name,
  notes,
  color,
  archived,
  completed,
  completed_at,
  {{ asana_airbyte.json_text('completed_by', 'gid') }} as completed_by_gid,
  created_at,
  modified_at,
  start_on,
  coalesce(due_on, due_date) as due_on,
  {{ asana_airbyte.json_text('owner', 'gid') }} as owner_gid,
  {{ asana_airbyte.json_text('team', 'gid') }} as team_gid,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_gid,
  {{ asana_airbyte.json_text('current_status_update', 'title') }} as current_status_title,
  {{ asana_airbyte.json_text('current_status', 'text') }} as current_status_text,
  {{ asana_airbyte.json_text('current_status', 'color') }} as current_status_color,
  default_view,
  privacy_setting,
  public,
  permalink_url,
  {%- for name in asana_airbyte.custom_columns(['projects']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at
from {{ ref('stg_asana_airbyte__projects') }}

{{ config(alias='project') }}
select
  project_id as id,
  owner_id as owner_id,
  team_id as team_id,
  workspace_id as workspace_id,
  archived,
  color,
  created_at,
  current_status_text as current_status,
  current_status_color,
  {{ asana_airbyte.as_kind('due_on', 'time') }} as due_date,
  modified_at,
  name,
  notes,
  public,
  {{ asana_airbyte.as_kind('start_on', 'time') }} as start_on,
  {%- for name in asana_airbyte.custom_columns(['projects']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  false as _fivetran_deleted,
  synced_at as _fivetran_synced
from {{ ref('asana__project') }}

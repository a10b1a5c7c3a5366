select
  gid as goal_id,
  name,
  notes,
  status,
  {{ asana_airbyte.json_text('owner', 'gid') }} as owner_id,
  {{ asana_airbyte.json_text('team', 'gid') }} as team_id,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_id,
  is_workspace_level,
  {{ asana_airbyte.json_text('time_period', 'gid') }} as time_period_id,
  {{ asana_airbyte.json_text('time_period', 'display_name') }} as time_period_name,
  start_on,
  due_on,
  {{ asana_airbyte.json_text('metric', 'unit') }} as metric_unit,
  {{ asana_airbyte.json_number('metric', 'initial_number_value') }} as metric_initial,
  {{ asana_airbyte.json_number('metric', 'current_number_value') }} as metric_current,
  {{ asana_airbyte.json_number('metric', 'target_number_value') }} as metric_target,
  num_likes,
  {%- for name in asana_airbyte.custom_columns(['goals']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at
from {{ ref('stg_asana__goal') }}

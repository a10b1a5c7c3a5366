select
  gid as portfolio_id,
  name,
  color,
  archived,
  {{ asana_airbyte.json_text('owner', 'gid') }} as owner_id,
  {{ asana_airbyte.json_text('workspace', 'gid') }} as workspace_id,
  {{ asana_airbyte.json_text('created_by', 'gid') }} as created_by_id,
  created_at,
  start_on,
  due_on,
  {{ asana_airbyte.json_text('current_status_update', 'title') }} as current_status_title,
  public,
  permalink_url,
  {%- for name in asana_airbyte.custom_columns(['portfolios']) %}
  {{ asana_airbyte.quoted(name) }},
  {%- endfor %}
  synced_at
from {{ ref('stg_asana__portfolio') }}

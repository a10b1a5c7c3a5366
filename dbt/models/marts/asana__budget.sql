select
  gid as budget_id,
  project_id,
  budget_type,
  {%- for part in ['total', 'estimate', 'actual'] %}
  {{ asana_airbyte.json_number(part, 'value') }} as {{ part }}_value,
  {{ asana_airbyte.json_text(part, 'units') }} as {{ part }}_units,
  {%- endfor %}
  {{ asana_airbyte.json_number('total', 'value') }} - {{ asana_airbyte.json_number('actual', 'value') }} as left_value,
  synced_at
from {{ ref('stg_asana__budget') }}
where {{ asana_airbyte.is_known('project_id', 'stg_asana__project', 'gid', ['projects']) }}

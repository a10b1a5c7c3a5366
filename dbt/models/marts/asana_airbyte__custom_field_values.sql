with
{%- for stream, kind in [('tasks', 'task'), ('projects', 'project'), ('portfolios', 'portfolio'), ('goals', 'goal')] %}
{{ stream }} as (
  {{- asana_airbyte.each_item(ref('stg_asana_airbyte__' ~ stream), 'custom_fields', ['gid', 'synced_at']) | indent(2) }}
),
{% endfor %}
items as (
  select 'task' as resource_type, tasks.* from tasks
  union all
  select 'project' as resource_type, projects.* from projects
  union all
  select 'portfolio' as resource_type, portfolios.* from portfolios
  union all
  select 'goal' as resource_type, goals.* from goals
)

select
  gid || '-' || {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_value_key,
  resource_type,
  gid as resource_gid,
  {{ asana_airbyte.json_text('item', 'gid') }} as custom_field_gid,
  {{ asana_airbyte.json_text('item', 'name') }} as custom_field_name,
  coalesce({{ asana_airbyte.json_text('item', 'resource_subtype') }}, {{ asana_airbyte.json_text('item', 'type') }}) as custom_field_type,
  {{ asana_airbyte.json_text('item', 'display_value') }} as display_value,
  {{ asana_airbyte.json_text('item', 'text_value') }} as text_value,
  {{ asana_airbyte.json_number('item', 'number_value') }} as number_value,
  {{ asana_airbyte.json_text('item', 'enum_value.gid') }} as enum_option_gid,
  {{ asana_airbyte.json_text('item', 'enum_value.name') }} as enum_option_name,
  {{ asana_airbyte.as_kind(asana_airbyte.json_text('item', 'date_value.date'), 'date') }} as date_value,
  {{ asana_airbyte.as_time(asana_airbyte.json_text('item', 'date_value.date_time'), 'text') }} as date_time_value,
  {{ asana_airbyte.json_part('item', 'multi_enum_values') }} as multi_enum_values,
  {{ asana_airbyte.json_part('item', 'people_value') }} as people_value,
  {{ asana_airbyte.json_part('item', 'reference_value') }} as reference_value,
  synced_at
from items

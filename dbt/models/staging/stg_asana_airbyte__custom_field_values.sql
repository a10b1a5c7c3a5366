{#- Custom fields with their values, as Asana sends them: the lists of all that carries fields. -#}
{%- set kinds = ['task', 'project', 'portfolio', 'goal'] -%}
with
{%- for kind in kinds %}
{{ kind }}_items as (
  {{- asana_airbyte.each_item(
    ref('stg_asana_airbyte__' ~ kind ~ 's'), 'custom_fields', ['gid', 'synced_at']
  ) | indent(2) }}
),
{% endfor %}
items as (
  {%- for kind in kinds %}
  select '{{ kind }}' as resource_type, gid, synced_at, item from {{ kind }}_items
  {{ 'union all' if not loop.last }}
  {%- endfor %}
)

select resource_type, gid, synced_at, item
from items

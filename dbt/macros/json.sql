{#- Objects and lists are JSON in every warehouse, but of another type in each: JSON (DuckDB, BigQuery),
    JSONB (PostgreSQL), VARIANT (Snowflake), SUPER (Redshift), STRING (Databricks). -#}

{#- The text at a path of keys, such as 'project.gid'; null when a part of the path is missing. -#}
{% macro json_text(value, path) -%}
  {{ return(adapter.dispatch('json_text', 'asana_airbyte')(value, path)) }}
{%- endmacro %}

{% macro default__json_text(value, path) -%}
  ({{ value }} #>> '{{ '{' }}{{ path | replace('.', ',') }}{{ '}' }}')
{%- endmacro %}

{% macro duckdb__json_text(value, path) -%}
  ({{ value }} ->> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_text(value, path) -%}
  cast(get_path({{ value }}, '{{ path }}') as varchar)
{%- endmacro %}

{% macro bigquery__json_text(value, path) -%}
  json_value({{ value }}, '$.{{ path }}')
{%- endmacro %}

{% macro redshift__json_text(value, path) -%}
  cast({{ value }}.{{ path }} as varchar(65535))
{%- endmacro %}

{% macro databricks__json_text(value, path) -%}
  get_json_object({{ value }}, '$.{{ path }}')
{%- endmacro %}


{#- The JSON at a path of keys. -#}
{% macro json_part(value, path) -%}
  {{ return(adapter.dispatch('json_part', 'asana_airbyte')(value, path)) }}
{%- endmacro %}

{% macro default__json_part(value, path) -%}
  ({{ value }} #> '{{ '{' }}{{ path | replace('.', ',') }}{{ '}' }}')
{%- endmacro %}

{% macro duckdb__json_part(value, path) -%}
  ({{ value }} -> '$.{{ path }}')
{%- endmacro %}

{% macro snowflake__json_part(value, path) -%}
  get_path({{ value }}, '{{ path }}')
{%- endmacro %}

{% macro bigquery__json_part(value, path) -%}
  json_query({{ value }}, '$.{{ path }}')
{%- endmacro %}

{% macro redshift__json_part(value, path) -%}
  {{ value }}.{{ path }}
{%- endmacro %}

{% macro databricks__json_part(value, path) -%}
  get_json_object({{ value }}, '$.{{ path }}')
{%- endmacro %}


{#- The number at a path of keys. -#}
{% macro json_number(value, path) -%}
  {{ asana_airbyte.as_kind(asana_airbyte.json_text(value, path), 'number') }}
{%- endmacro %}


{#- A query of one row for each element of a list: the `columns` of the relation, and `item`. -#}
{% macro each_item(relation, list, columns) %}
select
  {%- for column in columns %}
  parent.{{ column }},
  {%- endfor %}
  {{ adapter.dispatch('element', 'asana_airbyte')() }} as item
from {{ relation }} as parent
{{ adapter.dispatch('elements', 'asana_airbyte')('parent.' ~ list) }}
{%- endmacro %}

{% macro default__element() %}each.item{% endmacro %}
{% macro snowflake__element() %}each.value{% endmacro %}
{% macro bigquery__element() %}item{% endmacro %}
{% macro redshift__element() %}item{% endmacro %}

{% macro default__elements(list) -%}
cross join lateral jsonb_array_elements(
  case when jsonb_typeof({{ list }}) = 'array' then {{ list }} end
) as each(item)
{%- endmacro %}

{% macro duckdb__elements(list) -%}
cross join unnest(from_json({{ list }}, '["JSON"]')) as each(item)
{%- endmacro %}

{% macro snowflake__elements(list) -%}
, lateral flatten(input => {{ list }}) as each
{%- endmacro %}

{% macro bigquery__elements(list) -%}
cross join unnest(json_query_array({{ list }})) as item
{%- endmacro %}

{% macro redshift__elements(list) -%}
, {{ list }} as item
{%- endmacro %}

{% macro databricks__elements(list) -%}
lateral view explode(from_json({{ list }}, 'array<string>')) each as item
{%- endmacro %}


{#- A query of one row for each object of a list: the `columns` of the relation, and `fields` of the object, which
    is name -> path of keys; as text, those of `parts` as JSON. -#}
{% macro each_object(relation, list, columns, fields, parts={}) -%}
  {{ return(adapter.dispatch('each_object', 'asana_airbyte')(relation, list, columns, fields, parts)) }}
{%- endmacro %}

{% macro default__each_object(relation, list, columns, fields, parts) %}
select
  {{ columns | join(', ') }}
  {%- for name, path in fields.items() %},
  {{ asana_airbyte.json_text('item', path) }} as {{ name }}
  {%- endfor %}
  {%- for name, path in parts.items() %},
  {{ asana_airbyte.json_part('item', path) }} as {{ name }}
  {%- endfor %}
from (
  {{- asana_airbyte.each_item(relation, list, columns) | indent(2) }}
) as items
{%- endmacro %}

{#- DuckDB reads a list once if it is told what is in it, instead of once for each field. -#}
{% macro duckdb__each_object(relation, list, columns, fields, parts) %}
{%- set top, inner = {}, {} -%}
{%- for path in fields.values() -%}
  {%- set keys = path.split('.') -%}
  {%- if keys | length == 1 -%}
    {%- do top.update({path: '"VARCHAR"'}) -%}
  {%- else -%}
    {%- do inner.setdefault(keys[0], []).append('"' ~ keys[1] ~ '":"VARCHAR"') -%}
  {%- endif -%}
{%- endfor -%}
{%- for path in parts.values() -%}{%- do top.update({path: '"JSON"'}) -%}{%- endfor -%}
{%- for name, keys in inner.items() -%}{%- do top.update({name: '{' ~ keys | join(',') ~ '}'}) -%}{%- endfor -%}
{%- set shape = [] -%}
{%- for name, kind in top.items() -%}{%- do shape.append('"' ~ name ~ '":' ~ kind) -%}{%- endfor -%}
select
  {{ columns | join(', ') }}
  {%- for name, path in fields.items() %},
  each.item.{{ path }} as {{ name }}
  {%- endfor %}
  {%- for name, path in parts.items() %},
  each.item.{{ path }} as {{ name }}
  {%- endfor %}
from {{ relation }} as parent
cross join unnest(from_json(parent.{{ list }}, '[{{ '{' }}{{ shape | join(',') }}{{ '}' }}]')) as each(item)
{%- endmacro %}

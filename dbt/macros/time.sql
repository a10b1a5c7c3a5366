{#- An instant in UTC, whatever the session's time zone. `type` is the column's type in the warehouse,
    empty when it is not known; 'text' for a text such as 2030-01-31T12:00:00.000Z. -#}
{% macro as_time(value, type='') %}
  {{- return(adapter.dispatch('as_time', 'asana_airbyte')(value, type | lower)) -}}
{% endmacro %}

{% macro default__as_time(value, type) -%}
  {%- if 'without time zone' in type or type == 'timestamp' -%}
    cast({{ value }} as timestamp)
  {%- elif 'with time zone' in type or type == 'timestamptz' -%}
    cast({{ value }} at time zone 'UTC' as timestamp)
  {%- else -%}
    cast(cast({{ value }} as timestamp with time zone) at time zone 'UTC' as timestamp)
  {%- endif -%}
{%- endmacro %}

{% macro snowflake__as_time(value, type) -%}
  {%- if type.startswith('timestamp_ntz') -%}
    {{ value }}
  {%- else -%}
    cast(convert_timezone('UTC', cast({{ value }} as timestamp_tz)) as timestamp_ntz)
  {%- endif -%}
{%- endmacro %}

{% macro bigquery__as_time(value, type) -%}
  cast({{ value }} as timestamp)
{%- endmacro %}

{% macro databricks__as_time(value, type) -%}
  cast({{ value }} as timestamp)
{%- endmacro %}


{#- Whole seconds from one instant to another. -#}
{% macro seconds_between(first, last) -%}
  {{ return(adapter.dispatch('seconds_between', 'asana_airbyte')(first, last)) }}
{%- endmacro %}

{% macro default__seconds_between(first, last) -%}
  cast(floor(extract(epoch from ({{ last }} - {{ first }}))) as bigint)
{%- endmacro %}

{% macro duckdb__seconds_between(first, last) -%}
  cast(floor(epoch({{ last }}) - epoch({{ first }})) as bigint)
{%- endmacro %}

{% macro snowflake__seconds_between(first, last) -%}
  cast(floor(datediff(millisecond, {{ first }}, {{ last }}) / 1000) as number(38, 0))
{%- endmacro %}

{% macro bigquery__seconds_between(first, last) -%}
  timestamp_diff({{ last }}, {{ first }}, second)
{%- endmacro %}

{% macro redshift__seconds_between(first, last) -%}
  cast(floor(datediff(millisecond, {{ first }}, {{ last }}) / 1000.0) as bigint)
{%- endmacro %}

{% macro databricks__seconds_between(first, last) -%}
  cast(floor(cast({{ last }} as double) - cast({{ first }} as double)) as bigint)
{%- endmacro %}
